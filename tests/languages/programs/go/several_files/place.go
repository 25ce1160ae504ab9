package main

func place() string { return "below" }
