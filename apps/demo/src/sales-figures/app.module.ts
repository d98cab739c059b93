import { Module } from '@nestjs/common';
import { InfraKitModule } from 'infra-kit';
import { shopName } from '../shop.js';
import { SalesFigureEntity } from './sales-figure.entity.js';
import { SalesFiguresModule } from './sales-figures.module.js';

const shop = shopName(process.env);

/** The second service: it knows the shop by its events alone. */
@Module({
  imports: [
    InfraKitModule.forRoot({
      service: `${shop}-figures`,
      clog: true,
      db: { entities: [SalesFigureEntity] },
      mq: { topicPrefix: `${shop}.`, defaultPartitions: 3 },
      outbox: { relay: false }, // it sends nothing, and remembers what it has handled
    }),
    SalesFiguresModule,
  ],
})
export class SalesFiguresApp {}
