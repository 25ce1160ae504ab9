type Digit = "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8";
type Many<Last extends string> = `${Digit}${Digit}${Digit}${Digit}${Digit}${Last}`;
type Each<N extends 0[]> = N["length"] extends 900 ? 5 : Many<`${N["length"]}`> extends 5 ? 6 : Each<[...N, 0]>;
const kept: Each<[]> = 5;
console.log(kept);
