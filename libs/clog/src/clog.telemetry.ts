import { lazyCounter } from '@infra-kit/kernel';

export const CLOG_SCOPE = 'infra-kit.clog';

/** Lines left out because identical ones came faster than `burst` allows. */
export const CLOG_LINES_SUPPRESSED = 'infra.clog.lines.suppressed';
/** Lines of which something was cut: a long string, a deep or wide value. */
export const CLOG_LINES_CUT = 'infra.clog.lines.cut';
/** Lines that went to stderr because the output could not be written. */
export const CLOG_LINES_DIVERTED = 'infra.clog.lines.diverted';
/** Files that reached their size and were set aside. */
export const CLOG_ROTATIONS = 'infra.clog.rotations';

/** The label of every instrument: the name of the clog instance. */
export const CLOG_INSTANCE_LABEL = 'infra.instance';

const line = { unit: '{line}' };
export const suppressedLines = lazyCounter(CLOG_SCOPE, CLOG_LINES_SUPPRESSED, line);
export const cutLines = lazyCounter(CLOG_SCOPE, CLOG_LINES_CUT, line);
export const divertedLines = lazyCounter(CLOG_SCOPE, CLOG_LINES_DIVERTED, line);
export const rotations = lazyCounter(CLOG_SCOPE, CLOG_ROTATIONS, { unit: '{file}' });
