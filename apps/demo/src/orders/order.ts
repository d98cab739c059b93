import { ApiProperty } from '@nestjs/swagger';
import { IsInt, IsString, Length, Max, Min } from 'class-validator';

/** The body of POST /orders. */
export class NewOrder {
  @ApiProperty({ example: 'p-100' })
  @IsString()
  @Length(1, 40)
  productId: string = '';

  @ApiProperty({ example: 1 })
  @IsInt()
  @Min(1)
  @Max(5)
  quantity: number = 0;
}

/** What was bought by whom. `id` is sortable by time, `number` short enough for the phone, or, without etcd, the same. */
export interface Order {
  readonly id: string;
  readonly number: string;
  readonly buyer: string;
  readonly productId: string;
  readonly quantity: number;
  /** PENDING_PAYMENT: the payment gateway could not be asked. */
  readonly status: 'PAID' | 'PENDING_PAYMENT';
}
