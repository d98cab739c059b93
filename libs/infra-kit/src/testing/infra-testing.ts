import { TEST_SETTING, type TestSetting } from '@infra-kit/kernel';
import { FakeClock } from '@infra-kit/kernel/testing';

/** The part of a TestingModuleBuilder of @nestjs/testing that is needed here. */
interface Overridable<B> {
  overrideProvider(token: symbol): { useValue(value: TestSetting): B };
}

/**
 * Puts a testing module whose AppModule calls `InfraKitModule.forRoot` on memory drivers and a FakeClock, with health
 * routes and signals off: `infraTesting(Test.createTestingModule({ imports: [AppModule] })).compile()`.
 */
export function infraTesting<B>(
  builder: Overridable<B>,
  options: { readonly clock?: FakeClock | undefined } = {},
): B {
  return builder.overrideProvider(TEST_SETTING).useValue({ clock: options.clock ?? new FakeClock() });
}
