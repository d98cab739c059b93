/** Where @nestjs/swagger and Nest keep things of a handler; read and written without depending on them. */
const RESPONSES = 'swagger/apiResponse';
const PLUGIN_FACTORY = '_OPENAPI_METADATA_FACTORY';
const HTTP_CODE = '__httpCode__';
const METHOD = 'method';
const PATH = 'path';
const POST = 1;

/** Adds answers, by status, to what a route may answer; what the application says of them wins. */
export function documentAnswers(
  cls: object,
  handler: object,
  answers: Readonly<Record<number, { readonly description: string }>>,
): void {
  if (!Reflect.hasOwnMetadata(PATH, handler)) return;
  const present = (Reflect.getMetadata(RESPONSES, handler) ?? {}) as Record<string, unknown>;
  const saysSuccess = Object.keys(present).some((status) => /^2|default/.test(status));
  const status = (Reflect.getMetadata(HTTP_CODE, handler) ??
    (Reflect.getMetadata(METHOD, handler) === POST ? 201 : 200)) as number;
  // a handler with any answer of its own loses the one that is understood
  const success = saysSuccess || PLUGIN_FACTORY in cls ? {} : { [status]: { description: '' } };
  Reflect.defineMetadata(RESPONSES, { ...success, ...answers, ...present }, handler);
}
