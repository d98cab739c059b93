import { ordersOf, type Observations } from './sale-day.js';

export interface Report {
  readonly lines: readonly string[];
  /** What must never be, one sentence each. */
  readonly broken: readonly string[];
}

/** What was seen, and whether it keeps what the shop promises. */
export function reportOf(seen: Observations): Report {
  const { before, after, outcomes, refusals, found } = seen;
  const answers = [...outcomes.values()].flat();
  const orders = ordersOf(outcomes);
  const paid = seen.read.filter(({ status }) => status === 'PAID').length;
  const ids = [...outcomes.values()].map(
    (each) => new Set(each.flatMap((outcome) => (outcome.kind === 'ordered' ? [outcome.order.id] : []))),
  );
  const replayed = answers.filter(({ kind }) => kind === 'ordered').length - orders.length;

  const sold = sum([...before].map(([id, stock]) => stock - (after.get(id) ?? 0)));
  const ordered = sum(orders.map(({ quantity }) => quantity));
  const oversold = sum(
    [...before].map(([id, stock]) => {
      const wanted = sum(orders.filter((order) => order.productId === id).map(({ quantity }) => quantity));
      return Math.max(0, wanted - stock);
    }),
  );
  const lost = orders.filter(({ id }) => !found.has(id)).length;
  const twice = ids.filter(({ size }) => size > 1).length;
  const unknown = answers.filter(({ kind }) => kind === 'unknown').length;

  return {
    lines: [
      `orders created       ${orders.length} (${paid} paid, ${seen.read.length - paid} pending)`,
      `duplicates replayed  ${replayed}`,
      `refused by limit     ${refusals}`,
      `refused as sold out  ${answers.filter(({ kind }) => kind === 'sold-out').length}`,
      `stock sold           ${sold} (${ordered} in orders paid and pending)`,
      `oversold             ${oversold}`,
      `found in search      ${orders.length - lost} of ${orders.length}`,
    ],
    broken: [
      ...(orders.length === 0 ? ['no order was made'] : []),
      ...(twice > 0 ? [`${twice} keys made more than one order`] : []),
      ...(sold === ordered ? [] : [`${sold} left the shelves, and orders say ${ordered}`]),
      ...(oversold > 0 ? [`${oversold} were sold that were not there`] : []),
      ...(lost > 0 ? [`${lost} orders are not found in search`] : []),
      ...(unknown > 0 ? [`of ${unknown} requests nobody said what became of them`] : []),
    ],
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
