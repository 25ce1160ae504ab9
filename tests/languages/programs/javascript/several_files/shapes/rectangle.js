class Rectangle {
  constructor(width, height) {
    Object.assign(this, { width, height });
  }

  area() {
    return this.width * this.height;
  }

  perimeter() {
    return 2 * (this.width + this.height);
  }
}

module.exports = { Rectangle };
