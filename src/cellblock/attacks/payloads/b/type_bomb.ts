type Digit = "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9";
type Key = `${Digit}${Digit}`;
type One<Of extends string> = { [K in Key]: { [P in `${Of}${K}`]: K } }[Key];
type Product<Of extends string> = One<`a${Of}`> & One<`b${Of}`>;
type Each<N extends 0[]> = N["length"] extends 900 ? 5 : Product<`${N["length"]}`> extends 5 ? 6 : Each<[...N, 0]>;
const kept: Each<[]> = 5;
console.log(kept);
