export const half = (n: number): string => n / 2;
