import { describe, expect, it, jest } from '@jest/globals';
import { InfraContext, PHASES, ResourceStack, type Phase } from '@infra-kit/kernel';

const never = (): Promise<never> => new Promise<never>(() => undefined);

interface Recorded {
  readonly stack: ResourceStack;
  readonly order: string[];
  readonly add: (name: string, phase?: Phase, on?: ResourceStack) => Disposable;
}

/** A stack whose closers write down their names. */
function recorded(): Recorded {
  const order: string[] = [];
  const stack = new ResourceStack();
  return {
    stack,
    order,
    add: (name, phase = 'connections', on = stack) =>
      on.push({ name, phase, close: async () => void order.push(name) }),
  };
}

describe('the order', () => {
  it('is readiness, deregister, intake, drain, flush, leases, connections, whatever the order of creation', async () => {
    const { stack, order, add } = recorded();
    for (const phase of PHASES.toReversed()) add(phase, phase);
    await stack.close();
    expect(order).toEqual(['readiness', 'deregister', 'intake', 'drain', 'flush', 'leases', 'connections']);
  });

  it('inside a phase is the reverse order of creation, across scopes', async () => {
    const { stack, order, add } = recorded();
    const [one, two] = [stack.scope(), stack.scope()];
    add('a', 'drain', one);
    add('b', 'drain', two);
    add('c', 'drain', one);
    add('d', 'drain');
    await stack.close();
    expect(order).toEqual(['d', 'c', 'b', 'a']);
  });

  it('waits for each closer before the next', async () => {
    const { stack, order, add } = recorded();
    add('older');
    stack.push({
      name: 'slow',
      phase: 'connections',
      close: () => new Promise((resolve) => setImmediate(resolve)).then(() => void order.push('slow')),
    });
    await stack.close();
    expect(order).toEqual(['slow', 'older']);
  });
});

describe('a closer', () => {
  it('that fails is reported and stops nothing', async () => {
    const { stack, order, add } = recorded();
    add('last');
    stack.push({ name: 'rejects', phase: 'connections', close: () => Promise.reject(new Error('no')) });
    stack.push({
      name: 'throws',
      phase: 'connections',
      close: () => {
        throw new Error('at once');
      },
    });
    add('first');
    const report = await stack.close();
    expect(order).toEqual(['first', 'last']);
    expect(report.ok).toBe(false);
    expect(report.resources).toMatchObject([
      { name: 'first', outcome: 'closed' },
      { name: 'throws', outcome: 'failed', error: new Error('at once') },
      { name: 'rejects', outcome: 'failed', error: new Error('no') },
      { name: 'last', outcome: 'closed' },
    ]);
  });

  it('that hangs is left behind at its limit, told by its signal, and stops nothing', async () => {
    const { stack, order, add } = recorded();
    let told: AbortSignal | undefined;
    add('last');
    stack.push({
      name: 'hangs',
      phase: 'drain',
      timeoutMs: 20,
      close: (signal) => {
        told = signal;
        return never();
      },
    });
    const { ok, resources } = await stack.close();
    expect(order).toEqual(['last']);
    expect(ok).toBe(false);
    expect(resources[0]).toMatchObject({ name: 'hangs', phase: 'drain', outcome: 'timed-out' });
    expect(resources[0]?.durationMs).toBeGreaterThanOrEqual(15);
    expect(told?.aborted).toBe(true);
  });

  it('has 5 s by default', async () => {
    jest.useFakeTimers();
    const stack = new ResourceStack();
    stack.push({ name: 'hangs', phase: 'drain', close: never });
    let closed = false;
    const closing = stack.close().finally(() => (closed = true));
    await jest.advanceTimersByTimeAsync(4_999);
    expect(closed).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect((await closing).resources[0]?.outcome).toBe('timed-out');
    jest.useRealTimers();
  });

  it('runs even with a limit of 0', async () => {
    const stack = new ResourceStack();
    let ran = false;
    stack.push({ name: 'x', phase: 'drain', timeoutMs: 0, close: () => void (ran = true) });
    expect((await stack.close()).ok).toBe(true);
    expect(ran).toBe(true);
  });

  it('with a limit beyond the timers of Node is not cut at once', async () => {
    const stack = new ResourceStack();
    const close = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
    stack.push({ name: 'x', phase: 'drain', timeoutMs: Infinity, close });
    expect((await stack.close()).ok).toBe(true);
  });

  it('is not cut by the deadline of whoever closes', async () => {
    const stack = new ResourceStack();
    let seen: unknown = 'unset';
    stack.push({
      name: 'x',
      phase: 'drain',
      close: () => {
        seen = InfraContext.current();
        return new Promise((resolve) => setTimeout(resolve, 20));
      },
    });
    const report = await InfraContext.run({ timeoutMs: 1 }, () => stack.close());
    expect(report.ok).toBe(true);
    expect(seen).toBeUndefined();
  });
});

describe('close', () => {
  it('a second time returns the very promise of the first, and closes nothing twice', async () => {
    const { stack, order, add } = recorded();
    add('x');
    const first = stack.close();
    expect(stack.close()).toBe(first);
    await first;
    expect(stack.close()).toBe(first);
    await stack[Symbol.asyncDispose]();
    expect(order).toEqual(['x']);
  });

  it('of an empty stack is fine', async () => {
    expect(await new ResourceStack().close()).toEqual({ ok: true, resources: [] });
  });

  it('says so from its first moment', () => {
    const stack = new ResourceStack();
    expect(stack.closing).toBe(false);
    void stack.close();
    expect(stack.closing).toBe(true);
  });

  it('does not touch what was taken off again', async () => {
    const { stack, order, add } = recorded();
    add('kept');
    add('taken off')[Symbol.dispose]();
    add('also', 'drain', stack.scope())[Symbol.dispose]();
    expect((await stack.close()).resources).toHaveLength(1);
    expect(order).toEqual(['kept']);
  });
});

describe('a resource pushed during close', () => {
  it('is closed at once, reported, and waited for, whichever phase it is of', async () => {
    const { stack, order } = recorded();
    stack.push({
      name: 'opens more',
      phase: 'leases',
      close: () => {
        stack.push({
          name: 'late',
          phase: 'readiness',
          close: async () => {
            order.push('late begins');
            await new Promise((resolve) => setTimeout(resolve, 20));
            order.push('late ends');
          },
        });
        order.push('pushed');
      },
    });
    const { resources } = await stack.close();
    expect(order).toEqual(['late begins', 'pushed', 'late ends']);
    expect(resources.map(({ name }) => name)).toEqual(['opens more', 'late']);
  });

  it('is closed at once also after it', async () => {
    const { stack, order, add } = recorded();
    const scope = stack.scope();
    await stack.close();
    add('late');
    add('late in a scope', 'connections', scope);
    expect(order).toEqual(['late', 'late in a scope']);
  });
});

describe('closeThrough', () => {
  it('closes the phases up to one, the rest stays open until close', async () => {
    const { stack, order, add } = recorded();
    for (const phase of PHASES) add(phase, phase);
    const part = await stack.closeThrough('drain');
    expect(order).toEqual(['readiness', 'deregister', 'intake', 'drain']);
    expect(part.resources).toHaveLength(4);
    expect(stack.closing).toBe(false);
    const whole = await stack.close();
    expect(order).toEqual([...PHASES]);
    expect(whole.resources.map(({ name }) => name)).toEqual([...PHASES]);
  });

  it('twice does nothing twice, and after close gives its report', async () => {
    const { stack, order, add } = recorded();
    add('a', 'drain');
    await stack.closeThrough('drain');
    await stack.closeThrough('intake');
    const closed = await stack.close();
    expect(await stack.closeThrough('drain')).toBe(closed);
    expect(order).toEqual(['a']);
  });

  it('lets a later phase be opened meanwhile, and closes at once what comes to a phase that has passed', async () => {
    const { stack, order, add } = recorded();
    await stack.closeThrough('drain');
    add('too late', 'intake');
    add('in time', 'connections');
    expect(order).toEqual(['too late']);
    await stack.close();
    expect(order).toEqual(['too late', 'in time']);
  });
});

describe('a scope', () => {
  it('closes its own resources alone, in the order of phases', async () => {
    const { stack, order, add } = recorded();
    const scope = stack.scope();
    add('of the app');
    add('connection', 'connections', scope);
    add('consumer', 'intake', scope);
    const { resources } = await scope.close();
    expect(order).toEqual(['consumer', 'connection']);
    expect(resources.map(({ name }) => name)).toEqual(['consumer', 'connection']);
    expect(stack.closing).toBe(false);
  });

  it('and the application close each resource once, whichever comes first', async () => {
    const { stack, order, add } = recorded();
    const [one, two] = [stack.scope(), stack.scope()];
    add('one', 'connections', one);
    add('two', 'connections', two);
    await one.close();
    const report = await stack.close();
    await two.close();
    expect(order).toEqual(['one', 'two']);
    expect(report.resources.map(({ name }) => name)).toEqual(['two']);
  });

  it('closed while the application closes is reported there once', async () => {
    const { stack, add } = recorded();
    const scope = stack.scope();
    add('connection', 'connections', scope);
    await stack.closeThrough('drain');
    await scope.close();
    const { resources } = await stack.close();
    expect(resources.map(({ name }) => name)).toEqual(['connection']);
  });

  it('of a scope belongs to all above it', async () => {
    const { stack, order, add } = recorded();
    add('deep', 'drain', stack.scope().scope());
    await stack.close();
    expect(order).toEqual(['deep']);
  });

  it('leaves nothing behind in an application that lives on', async () => {
    const { stack, add } = recorded();
    for (let n = 0; n < 100; n++) {
      const scope = stack.scope();
      add(`x${n}`, 'connections', scope);
      await scope.close();
    }
    expect((await stack.close()).resources).toEqual([]);
  });
});
