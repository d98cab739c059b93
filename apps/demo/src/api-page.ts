import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';

/** The OpenAPI page at /docs, its document at /docs-json. The decorators of the suite have added their refusals. */
export function showApi(app: INestApplication): void {
  const about = new DocumentBuilder()
    .setTitle('Flash sale')
    .setDescription('Products, orders and reservations of the demo.')
    .addGlobalParameters({ name: 'x-user-id', in: 'header', required: false, description: 'The buyer.' })
    .build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, about));
}
