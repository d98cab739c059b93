// Loaded into jest and its workers (--import). Jest evaluates every module of a spec file anew, in a context of the
// file's own, and V8 would compile it anew as well: a third of what loading costs. Here a worker keeps what V8 made of
// a source, and hands it back when the same source comes under the same name.
import vm from 'node:vm';

const functions = new Map();
const modules = new Map();
const { compileFunction, SourceTextModule } = vm;

/** V8 itself compares no more than lengths. */
const compiled = (cache, name, source) => {
  const found = cache.get(name);
  return found?.source === source ? found.cachedData : undefined;
};

vm.compileFunction = (source, parameters, options) => {
  const cachedData = compiled(functions, options?.filename, source);
  if (cachedData !== undefined) return compileFunction(source, parameters, { ...options, cachedData });
  const made = compileFunction(source, parameters, { ...options, produceCachedData: true });
  if (options?.filename !== undefined)
    functions.set(options.filename, { source, cachedData: made.cachedData });
  return made;
};

// there only under --experimental-vm-modules
if (SourceTextModule !== undefined)
  vm.SourceTextModule = class extends SourceTextModule {
    constructor(source, options) {
      const cachedData = compiled(modules, options?.identifier, source);
      super(source, cachedData === undefined ? options : { ...options, cachedData });
      if (cachedData === undefined && options?.identifier !== undefined)
        modules.set(options.identifier, { source, cachedData: this.createCachedData() });
    }
  };
