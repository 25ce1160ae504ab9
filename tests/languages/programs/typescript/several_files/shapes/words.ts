export const greeting = (place: string): string => `Hello from ${place}`;
