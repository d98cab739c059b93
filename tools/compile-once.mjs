// Loaded into jest and its workers (--import). Jest evaluates every module of a spec file anew, in a context of the
// file's own, and V8 would compile it anew as well: a third of what loading costs. Here a worker keeps what V8 made of
// a source, and hands it back when the same source comes under the same name. V8 takes nothing it made under other
// flags (a spec may set --expose-gc): then it is made again.
import vm from 'node:vm';

const functions = new Map();
const modules = new Map();
const { compileFunction, SourceTextModule } = vm;

/** V8 itself compares no more than lengths. */
function known(made, name, source) {
  const found = made.get(name);
  return found?.source === source ? found.cachedData : undefined;
}

vm.compileFunction = (source, parameters, options = {}) => {
  const cachedData = known(functions, options.filename, source);
  const compiled = compileFunction(source, parameters, {
    ...options,
    ...(cachedData === undefined ? { produceCachedData: true } : { cachedData }),
  });
  if (compiled.cachedDataRejected) functions.delete(options.filename);
  else if (cachedData === undefined && options.filename !== undefined)
    functions.set(options.filename, { source, cachedData: compiled.cachedData });
  return compiled;
};

// there only under --experimental-vm-modules
if (SourceTextModule !== undefined)
  vm.SourceTextModule = new Proxy(SourceTextModule, {
    construct(Module, [source, options = {}]) {
      const cachedData = known(modules, options.identifier, source);
      if (cachedData !== undefined)
        try {
          return new Module(source, { ...options, cachedData });
        } catch {
          // made under other flags
        }
      const module = new Module(source, options);
      if (options.identifier !== undefined)
        modules.set(options.identifier, { source, cachedData: module.createCachedData() });
      return module;
    },
  });
