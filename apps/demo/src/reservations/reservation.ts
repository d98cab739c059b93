import { ApiProperty } from '@nestjs/swagger';
import { IsInt, IsString, Length, Max, Min } from 'class-validator';

/** The body of POST /reservations. */
export class NewReservation {
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

/** Goods put aside for a quarter of an hour. `id` is sortable by time, `number` short enough for the phone. */
export interface Reservation {
  readonly id: string;
  readonly number: string;
  readonly productId: string;
  readonly quantity: number;
  readonly until: string;
}
