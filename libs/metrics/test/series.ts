/** The series of one metric on a Prometheus page: labels, as written, and value. */
export function seriesOf(page: string, metric: string): Map<string, number> {
  const lines = page
    .split('\n')
    .filter((line) => line.startsWith(`${metric}{`) || line.startsWith(`${metric} `));
  return new Map(
    lines.map((line) => {
      const [, labels = '', value] = /^[^{ ]+(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
      return [labels, Number(value)];
    }),
  );
}

export const sumOf = (page: string, metric: string): number =>
  [...seriesOf(page, metric).values()].reduce((sum, value) => sum + value, 0);
