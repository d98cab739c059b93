/** Objects of ours that pass the native logger's formatter as they are. */
export const READY_LINE = Symbol('clog:ready-line');
