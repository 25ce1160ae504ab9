namespace Shapes {
    class Rectangle {
        readonly int width, height;

        public Rectangle(int width, int height) {
            this.width = width;
            this.height = height;
        }

        public int Area => width * height;

        public int Perimeter => 2 * (width + height);
    }
}
