const count: number = "three";
interface Box { width: number }
const box: Box = { width: 1, hight: 2 };
console.log(count, box.depth);
