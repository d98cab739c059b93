import { Controller, Get } from '@nestjs/common';
import type { SalesFigure } from './sales-figure.entity.js';
import { SalesFiguresService } from './sales-figures.service.js';

@Controller('sales-figures')
export class SalesFiguresController {
  constructor(private readonly figures: SalesFiguresService) {}

  /** What was sold by product, behind the orders by a moment. */
  @Get()
  all(): Promise<SalesFigure[]> {
    return this.figures.all();
  }
}
