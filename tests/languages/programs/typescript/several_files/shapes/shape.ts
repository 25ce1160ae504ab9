export interface Shape {
  area(): number;
  perimeter(): number;
}
