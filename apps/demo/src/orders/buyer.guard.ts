import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { InfraError } from 'infra-kit';

export interface BuyersRequest {
  readonly headers: Readonly<Record<string, string | undefined>>;
  user?: { readonly id: string };
}

const BUYER = /^[\w.-]{1,40}$/;

/** Stands for a login: believes the header `x-user-id`. Whoever sends none is a guest, known by the address alone. */
@Injectable()
export class BuyerGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<BuyersRequest>();
    const id = request.headers['x-user-id'];
    if (id === undefined) return true;
    if (!BUYER.test(id))
      throw new InfraError('INVALID_ARGUMENT', 'x-user-id must be 1 to 40 letters, digits, dots or dashes');
    request.user = { id };
    return true;
  }
}
