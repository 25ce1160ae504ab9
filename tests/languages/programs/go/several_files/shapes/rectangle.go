package shapes

type Rectangle struct{ Width, Height int }

func (r Rectangle) Area() int      { return r.Width * r.Height }
func (r Rectangle) Perimeter() int { return 2 * (r.Width + r.Height) }
