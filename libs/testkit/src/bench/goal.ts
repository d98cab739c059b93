/** What the median ratio is hoped to be, e.g. '<= 1.0' or '>= 0.95'. */
export type Goal = `${'<=' | '<' | '>=' | '>'} ${number}`;

export function meets(goal: Goal, ratio: number): boolean {
  const [operator, bound] = goal.split(' ') as [string, string];
  const limit = Number(bound);
  if (Number.isNaN(limit))
    throw new TypeError(`goal '${goal}': expected an operator and a number, e.g. '<= 1.0'`);
  switch (operator) {
    case '<=':
      return ratio <= limit;
    case '<':
      return ratio < limit;
    case '>=':
      return ratio >= limit;
    case '>':
      return ratio > limit;
    default:
      throw new TypeError(`goal '${goal}': the operator is one of <= < >= >`);
  }
}
