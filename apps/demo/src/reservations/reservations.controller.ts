import { Body, Controller, Get, Param, Post } from '@nestjs/common';
import { NewReservation, type Reservation } from './reservation.js';
import { ReservationsService } from './reservations.service.js';

@Controller('reservations')
export class ReservationsController {
  constructor(private readonly reservations: ReservationsService) {}

  @Post()
  create(@Body() order: NewReservation): Promise<Reservation> {
    return this.reservations.create(order);
  }

  @Get(':id')
  byId(@Param('id') id: string): Promise<Reservation> {
    return this.reservations.byId(id);
  }
}
