package main

func f0[T any]() { f1[[1]T](); f1[struct{ a T }]() }
func f1[T any]() { f2[[1]T](); f2[struct{ a T }]() }
func f2[T any]() { f3[[1]T](); f3[struct{ a T }]() }
func f3[T any]() { f4[[1]T](); f4[struct{ a T }]() }
func f4[T any]() { f5[[1]T](); f5[struct{ a T }]() }
func f5[T any]() { f6[[1]T](); f6[struct{ a T }]() }
func f6[T any]() { f7[[1]T](); f7[struct{ a T }]() }
func f7[T any]() { f8[[1]T](); f8[struct{ a T }]() }
func f8[T any]() { f9[[1]T](); f9[struct{ a T }]() }
func f9[T any]() { f10[[1]T](); f10[struct{ a T }]() }
func f10[T any]() { f11[[1]T](); f11[struct{ a T }]() }
func f11[T any]() { f12[[1]T](); f12[struct{ a T }]() }
func f12[T any]() { f13[[1]T](); f13[struct{ a T }]() }
func f13[T any]() { f14[[1]T](); f14[struct{ a T }]() }
func f14[T any]() { f15[[1]T](); f15[struct{ a T }]() }
func f15[T any]() { f16[[1]T](); f16[struct{ a T }]() }
func f16[T any]() { f17[[1]T](); f17[struct{ a T }]() }
func f17[T any]() { f18[[1]T](); f18[struct{ a T }]() }
func f18[T any]() { f19[[1]T](); f19[struct{ a T }]() }
func f19[T any]() { f20[[1]T](); f20[struct{ a T }]() }
func f20[T any]() { f21[[1]T](); f21[struct{ a T }]() }
func f21[T any]() { f22[[1]T](); f22[struct{ a T }]() }
func f22[T any]() {}

func main() { f0[int]() }
