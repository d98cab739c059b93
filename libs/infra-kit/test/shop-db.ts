import { Controller, Get, Inject, Injectable, Module, Param, Post } from '@nestjs/common';
import { defineEntity, p } from '@mikro-orm/core';
import type { EntityRepository, InferEntity } from '@mikro-orm/sql';
import { DbModule, DbProvider, InjectRepository, Transactional } from '../src/index.js';

export const Item = defineEntity({
  name: 'ShopItem',
  properties: { id: p.string().primary(), stock: p.integer() },
});

/** Lets two requests stand inside the handler at once. */
@Injectable()
export class Crossing {
  readonly seen = new Map<string, object>();
  #waiting: (() => void)[] = [];

  /** Resolves when as many as `count` have come. */
  meet(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === count) for (const go of this.#waiting.splice(0)) go();
    });
  }
}

@Controller('items')
export class ItemsController {
  constructor(
    @Inject(DbProvider) private readonly db: DbProvider,
    @InjectRepository(Item) private readonly items: EntityRepository<InferEntity<typeof Item>>,
    @Inject(Crossing) private readonly crossing: Crossing,
  ) {}

  /** Reads before and after another request has changed the row. */
  @Get('crossing/:id/:request')
  async crossed(@Param('id') id: string, @Param('request') request: string): Promise<object> {
    const em = this.db.em();
    const first = await em.findOneOrFail(Item, { id });
    first.stock += 1000; // never flushed: whoever shares the identity map sees it
    await this.crossing.meet(2);
    const again = await this.items.findOneOrFail({ id });
    this.crossing.seen.set(request, again);
    return { same: again === first && this.db.em() === em, stock: again.stock };
  }

  @Post(':id/take')
  @Transactional()
  async take(@Param('id') id: string): Promise<object> {
    const item = await this.items.findOneOrFail({ id });
    item.stock -= 1;
    if (item.stock < 0) throw new Error('sold out');
    return { stock: item.stock };
  }

  @Post(':id')
  async add(@Param('id') id: string): Promise<object> {
    return this.db.transaction(async (em) => {
      em.create(Item, { id, stock: 1 });
      return { id };
    });
  }
}

@Module({
  imports: [DbModule.forFeature([Item])],
  controllers: [ItemsController],
  providers: [Crossing],
})
export class ItemsModule {}
