import { word } from './told/word'
class Kept { word: string = word }
console.log(new Kept().word)
