package shapes

func main() {}
