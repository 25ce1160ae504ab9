export const word = 'as without it'
