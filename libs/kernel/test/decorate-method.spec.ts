import 'reflect-metadata';
import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Header,
  Injectable,
  Module,
  Param,
  Scope,
  type INestApplication,
  type Provider,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { decorateMethod, instanceToken, type AsyncMethodDecorator, type MethodCall } from '@infra-kit/kernel';
import { firstValueFrom, isObservable, map, Observable, of } from 'rxjs';
import { failure, start } from './nest-application.js';
import { journal, VaultModule, VaultProvider } from './vault.js';

/** Puts what the vault says before what the method answers. */
function Vaulted(name?: string): AsyncMethodDecorator {
  return decorateMethod<VaultProvider>({
    decorator: '@Vaulted',
    token: instanceToken('vault', VaultProvider, name),
    around: ({ provider, proceed, streams }: MethodCall<VaultProvider>) => {
      if (streams) return (proceed() as Observable<string>).pipe(map((item) => `${provider.use()}: ${item}`));
      return (proceed() as Promise<string>).then((answer) => `${provider.use()}: ${answer}`);
    },
  });
}

@Injectable()
class Desk {
  readonly greeting: string = 'hello';

  @Vaulted()
  async greet(name: string): Promise<string> {
    return `${this.greeting} ${name}`;
  }

  @Vaulted()
  @Vaulted('audit')
  async twice(): Promise<string> {
    return 'twice';
  }

  @Vaulted()
  stream(): Observable<string> {
    return of('streamed');
  }
}

@Injectable()
class LoudDesk extends Desk {
  override readonly greeting = 'HELLO';

  override async greet(name: string): Promise<string> {
    return `${await super.greet(name)}!`;
  }
}

@Controller('desk')
class DeskController {
  @Vaulted()
  @Header('x-below', 'kept')
  @Get('above/:name')
  async above(@Param('name') name: string): Promise<string> {
    return `above ${name}`;
  }

  @Get('below/:name')
  @Header('x-below', 'kept')
  @Vaulted()
  async below(@Param('name') name: string): Promise<string> {
    return `below ${name}`;
  }
}

@Controller({ path: 'own', scope: Scope.REQUEST })
class RequestController extends DeskController {
  @Get('mine')
  @Vaulted()
  async mine(): Promise<string> {
    return 'mine';
  }
}

const vaults = [VaultModule.forRoot(), VaultModule.forRoot({ name: 'audit' })];
beforeEach(() => void (journal.length = 0));

async function serving(): Promise<{ app: INestApplication; get: (path: string) => Promise<Response> }> {
  @Module({ imports: vaults, controllers: [DeskController, RequestController] })
  class AppModule {}
  const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return { app, get: (path) => fetch(url + path) };
}

describe('a decorator that needs a provider', () => {
  it('works on handlers, on either side of the route, inherited and request-scoped ones too', async () => {
    const { app, get } = await serving();
    for (const [path, answer] of [
      ['/desk/above/a', 'used default: above a'],
      ['/desk/below/b', 'used default: below b'],
      ['/own/above/c', 'used default: above c'],
      ['/own/below/d', 'used default: below d'],
    ] as const) {
      const response = await get(path);
      expect([await response.text(), response.headers.get('x-below')]).toEqual([answer, 'kept']);
    }
    expect(await (await get('/own/mine')).text()).toBe('used default: mine');
    await app.close();
  });

  it('works on services, subclasses and super calls, with this and the arguments, the topmost outermost', async () => {
    const app = await start(vaults, [Desk, LoudDesk]);
    const [desk, loud] = [app.get(Desk), app.get(LoudDesk)];
    expect(await desk.greet('you')).toBe('used default: hello you');
    expect(await loud.greet('you')).toBe('used default: HELLO you!');
    expect(await loud.twice()).toBe('used default: used audit: twice');
    const stream = desk.stream();
    expect(isObservable(stream)).toBe(true);
    expect(await firstValueFrom(stream)).toBe('used default: streamed');
    expect([desk.greet.name, desk.greet.length]).toEqual(['greet', 1]);
    expect(Object.keys(desk)).toEqual(['greeting']);
    await app.close();
  });

  it('works on what factories and useValue brought, before their onModuleInit', async () => {
    class Eager extends Desk {
      said: string | undefined;
      async onModuleInit(): Promise<void> {
        this.said = await this.greet('init');
      }
    }
    const values: Provider[] = [
      { provide: 'made', useFactory: async () => new Eager() },
      { provide: 'value', useValue: new Desk() },
      { provide: 'nothing', useValue: null },
      { provide: 'bare', useValue: Object.create(null) as object },
      { provide: 'frozen', useValue: Object.freeze(new Desk()) },
    ];
    const app = await start(vaults, values);
    expect(app.get<Eager>('made').said).toBe('used default: hello init');
    expect(await app.get<Desk>('value').greet('v')).toBe('used default: hello v');
    await expect(app.get<Desk>('frozen').greet('f')).rejects.toThrow(/VaultModule\.forRoot/);
    await app.close();
  });

  it.each([
    ['a service', [Desk], 'VaultModule.forRoot(...)'],
    ['a service that inherits it', [LoudDesk], 'VaultModule.forRoot(...)'],
    ['a named instance', [Desk], "InfraKitModule.forRoot({ vault: [{ name: 'audit', ... }] })"],
    [
      'an instance made by a factory',
      [{ provide: 'made', useFactory: () => new Desk() }],
      "InfraKitModule.forRoot({ vault: [{ name: 'audit', ... }] })",
    ],
  ])('fails the start without its module, naming the import: %s', async (_what, providers, sentence) => {
    const named = sentence.startsWith('InfraKit');
    const error = await failure([VaultModule.forRoot({ name: named ? 'default' : 'audit' })], providers);
    expect(error.message).toContain(sentence);
  });

  it('closes what was opened when an instance made by a factory lacks its module', async () => {
    const made = { provide: 'made', useFactory: () => new Desk() };
    await failure([VaultModule.forRoot()], [made]);
    expect(journal).toEqual(['opened default', 'closed default']);
  });

  it('fails the start without its module for a controller as well', async () => {
    @Module({ controllers: [DeskController] })
    class AppModule {}
    const starting = NestFactory.create(AppModule, { logger: false, abortOnError: false });
    await expect(starting).rejects.toThrow(/VaultModule\.forRoot/);
  });

  it('fails the first call, with the same sentence, of an instance nobody knows, as the method’s own errors come', async () => {
    await expect(firstValueFrom(new Desk().stream())).rejects.toThrow(/@Vaulted on stream: nobody/);
    await expect(new Desk().greet('me')).rejects.toThrow(
      /@Vaulted on greet: .*import VaultModule\.forRoot\(\.\.\.\) or InfraKitModule\.forRoot\(\{ vault: \.\.\. \}\)/,
    );
  });

  it('refuses what is no method of an instance', () => {
    const decorate = Vaulted() as MethodDecorator;
    const accessor = { get: () => 1 };
    expect(() => decorate(Desk.prototype, 'x', accessor)).toThrow(/@Vaulted stands on methods/);
    expect(() => decorate(Desk, 'x', { value: async () => 1 })).toThrow(/@Vaulted stands on methods/);
  });

  it('is refused by the compiler on a method that answers at once', () => {
    class Sync {
      // @ts-expect-error a wrapper needs a promise or an Observable
      @Vaulted()
      answer(): number {
        return 42;
      }
    }
    expect(new Sync()).toBeInstanceOf(Sync);
  });
});
