/** What became of a payment. PENDING_PAYMENT: the gateway could not be asked; it is tried again later. */
export interface Payment {
  readonly id: string;
  readonly status: 'PAID' | 'PENDING_PAYMENT';
  readonly cents: number;
}
