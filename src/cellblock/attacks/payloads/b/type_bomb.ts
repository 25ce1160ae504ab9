type Pairs<T extends string> = `${T}${T}` | `${T}-${T}`;
type Many = "a" | "b" | "c" | "d" | "e" | "f" | "g" | "h";
type Product = `${Many}${Many}${Many}${Many}${Many}${Many}${Many}${Many}${Many}`;
type Deep<N extends 0[]> = N["length"] extends 999 ? N : Deep<[...N, 0]>;
const kept: Product | Pairs<Product> | Deep<[]> = 5;
console.log(kept);
