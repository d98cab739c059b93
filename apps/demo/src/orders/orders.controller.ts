import { Body, Controller, Get, Param, Post, Query, Req, UseGuards } from '@nestjs/common';
import { Idempotent, RateLimit } from 'infra-kit';
import type { OrderPlaced } from '../events/order-placed.js';
import { SearchRequest } from '../search/search-request.js';
import { BuyerGuard, type BuyersRequest } from './buyer.guard.js';
import { NewOrder, type Order } from './order.js';
import { OrderSearch } from './order-search.js';
import { OrdersService } from './orders.service.js';

@Controller('orders')
export class OrdersController {
  constructor(
    private readonly orders: OrdersService,
    private readonly search: OrderSearch,
  ) {}

  /**
   * A few a buyer, many in total: both are spent or none, in one round trip. With an `Idempotency-Key` one order a key,
   * the sale in PostgreSQL with it: see `SalesService.once`.
   */
  @Post()
  @Idempotent({ required: false })
  @UseGuards(BuyerGuard)
  @RateLimit('orders-per-user')
  @RateLimit({ rule: 'orders-total', key: () => 'all' })
  create(@Body() order: NewOrder, @Req() request: BuyersRequest): Promise<Order> {
    return this.orders.create(order, request.user?.id ?? 'guest');
  }

  /** By words of the product or the number of the order: `?q=keyboard`, `?q=键盘`. Who sees what is as below. */
  @Get('search')
  @UseGuards(BuyerGuard)
  find(@Query() { q }: SearchRequest, @Req() request: BuyersRequest): Promise<readonly OrderPlaced[]> {
    return this.search.find(q, request.user?.id);
  }

  /** Buyers see their own; whoever names no buyer stands for the shop, which sees all. */
  @Get(':id')
  @UseGuards(BuyerGuard)
  byId(@Param('id') id: string, @Req() request: BuyersRequest): Promise<Order> {
    return this.orders.byId(id, request.user?.id);
  }
}
