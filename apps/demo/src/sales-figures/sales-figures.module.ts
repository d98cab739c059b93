import { Module } from '@nestjs/common';
import { SalesFiguresController } from './sales-figures.controller.js';
import { SalesFiguresService } from './sales-figures.service.js';

@Module({ controllers: [SalesFiguresController], providers: [SalesFiguresService] })
export class SalesFiguresModule {}
