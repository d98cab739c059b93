import { Injectable } from '@nestjs/common';
import { CircuitBreaker, ClogLogger } from 'infra-kit';
import type { Payment } from './payment.js';
import { PaymentGateway } from './payment-gateway.js';

/** One breaker for everything that goes to the gateway; its policy is in the configuration. */
const GATEWAY = 'payment-gateway';

@Injectable()
export class PaymentsService {
  constructor(
    private readonly gateway: PaymentGateway,
    private readonly logger: ClogLogger,
  ) {}

  /** Charges at most once a reference; while the gateway is down the payment stays pending. */
  @CircuitBreaker({ name: GATEWAY, fallback: 'pending' })
  charge(reference: string, cents: number): Promise<Payment> {
    return this.gateway.charge(reference, cents);
  }

  /** There is nothing to say in the gateway's place: while it is down this is 503. */
  @CircuitBreaker(GATEWAY)
  find(reference: string): Promise<Payment> {
    return this.gateway.find(reference);
  }

  /** What `charge` falls back to. */
  async pending(reference: string, cents: number, error: unknown): Promise<Payment> {
    this.logger.warn('payment stays pending', { reference, err: error });
    return { id: reference, status: 'PENDING_PAYMENT', cents };
  }
}
