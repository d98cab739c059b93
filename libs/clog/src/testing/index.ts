export { CapturedLines, type CapturedLine } from './captured-lines.js';
