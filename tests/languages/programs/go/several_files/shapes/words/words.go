package words

func Greeting(place string) string { return "Hello from " + place }
