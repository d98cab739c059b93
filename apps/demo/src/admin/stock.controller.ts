import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { IsInt, Max, Min } from 'class-validator';
import { ProductCatalogue, type Shelf } from '../products/product-catalogue.js';
import { RestockService } from '../products/restock.service.js';

/** The body of POST /admin/restock/:id. */
export class Restock {
  @ApiProperty({ example: 200 })
  @IsInt()
  @Min(0)
  @Max(100_000)
  upTo: number = 0;
}

/** For operators. A real service guards these routes. */
@Controller('admin')
export class StockController {
  constructor(
    private readonly catalogue: ProductCatalogue,
    private readonly restocking: RestockService,
  ) {}

  /** What is on the shelves now: from the database, not from the cache. */
  @Get('stock')
  stock(): Promise<Shelf[]> {
    return this.catalogue.shelves();
  }

  /** Fills a shelf up, however many ask for it at once. */
  @Post('restock/:id')
  @HttpCode(200)
  restock(@Param('id') id: string, @Body() { upTo }: Restock): Promise<Shelf> {
    return this.restocking.restock(id, upTo);
  }
}
