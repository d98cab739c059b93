import { Body, Controller, Get, HttpCode, Ip, Param, Put } from '@nestjs/common';
import { ConfigAdmin, type ConfigOverview, type PushedDocument } from './config-admin.js';

/** For operators. A real service guards these routes. */
@Controller('admin/config')
export class AdminController {
  constructor(private readonly admin: ConfigAdmin) {}

  /** What is in force here, what was pushed, and what each instance made of it. */
  @Get()
  overview(): Promise<ConfigOverview> {
    return this.admin.overview();
  }

  /** The new document of a component, for every instance; each says by itself what it made of it. */
  @Put(':component')
  @HttpCode(202)
  push(
    @Param('component') component: string,
    @Body() document: object,
    @Ip() ip: string,
  ): Promise<PushedDocument> {
    return this.admin.push(component, document, ip);
  }
}
