export default "Hello from";
