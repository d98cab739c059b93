import { ApiProperty } from '@nestjs/swagger';
import { IsString, MaxLength } from 'class-validator';

/** The query of a search. What a user types is text, whatever is in it; without it everything is found. */
export class SearchRequest {
  @ApiProperty({ required: false, example: '耳机' })
  @IsString()
  @MaxLength(200)
  q: string = '';
}
