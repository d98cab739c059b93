import { Module } from '@nestjs/common';
import { CoordProvider } from 'infra-kit';
import { APP_IDENTITY, type AppIdentity } from '@infra-kit/kernel';
import { KnownProducts } from './known-products.js';
import { ProductCatalogue } from './product-catalogue.js';
import { ProductSearch } from './product-search.js';
import { ProductSettings } from './product-settings.js';
import { ProductsController } from './products.controller.js';
import { ProductsService } from './products.service.js';
import { RestockService } from './restock.service.js';

@Module({
  controllers: [ProductsController],
  providers: [
    ProductCatalogue,
    ProductSearch,
    KnownProducts,
    RestockService,
    ProductsService,
    {
      provide: ProductSettings,
      inject: [CoordProvider, APP_IDENTITY],
      useFactory: (coord: CoordProvider, identity: AppIdentity) => ProductSettings.follow(coord, identity),
    },
  ],
  exports: [ProductsService, ProductSettings, ProductCatalogue, RestockService],
})
export class ProductsModule {}
