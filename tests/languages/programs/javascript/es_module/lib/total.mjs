export default (numbers) => numbers.reduce((sum, n) => sum + n, 0);
