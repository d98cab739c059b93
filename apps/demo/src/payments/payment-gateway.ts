import { Injectable } from '@nestjs/common';
import { InfraContext, InfraError } from 'infra-kit';
import type { Payment } from './payment.js';

interface Charge {
  readonly id: string;
  readonly cents: number;
}

/** The client of the payment gateway, as plain as it can be: what protects it stands before the methods that use it. */
@Injectable()
export class PaymentGateway {
  charge(reference: string, cents: number): Promise<Payment> {
    return this.#ask('/charges', { method: 'POST', body: JSON.stringify({ reference, cents }) });
  }

  find(reference: string): Promise<Payment> {
    return this.#ask(`/charges/${encodeURIComponent(reference)}`, {});
  }

  async #ask(path: string, init: RequestInit): Promise<Payment> {
    const url = `${process.env['PAYMENT_GATEWAY_URL'] ?? ''}${path}`;
    const response = await fetch(url, { ...init, signal: InfraContext.current()?.signal ?? null });
    if (response.status === 404) throw new InfraError('NOT_FOUND', 'the gateway knows no such payment');
    if (!response.ok) throw new InfraError('UNAVAILABLE', `the payment gateway answered ${response.status}`);
    const { id, cents } = (await response.json()) as Charge;
    return { id, status: 'PAID', cents };
  }
}
