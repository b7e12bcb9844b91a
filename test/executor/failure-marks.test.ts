import * as sdk from '@ai-sdk/provider'
import { expect, test } from 'vitest'
import { modelFailure } from '../../src/executor/agent/model-failure.ts'

const MODEL = { provider: 'test', modelId: 'm' }

/** The SDK's own classes: should they come to mark their errors in another way, this notices. */
test.each([
  [new sdk.LoadAPIKeyError({ message: 'none' }), 'unauthorized'],
  [new sdk.LoadSettingError({ message: 'none' }), 'unauthorized'],
  [new sdk.InvalidResponseDataError({ data: {} }), 'malformed-answer'],
  [new sdk.JSONParseError({ text: '{', cause: undefined }), 'malformed-answer'],
  [new sdk.TypeValidationError({ value: 1, cause: undefined }), 'malformed-answer'],
  [new sdk.EmptyResponseBodyError(), 'malformed-answer'],
  [new sdk.UnsupportedFunctionalityError({ functionality: 'files' }), 'unsupported'],
  [new sdk.InvalidPromptError({ prompt: [], message: 'empty' }), 'unsupported'],
  [new sdk.NoSuchModelError({ modelId: 'm', modelType: 'languageModel' }), 'unsupported'],
  [
    new sdk.APICallError({ message: 'no', url: 'https://a.example/', requestBodyValues: {}, statusCode: 401 }),
    'unauthorized',
  ],
])('%s is told apart as %s', (error, code) => {
  expect(modelFailure(error, MODEL, 0)).toMatchObject({ code })
})

test('an error that only says that it is one of them is not', () => {
  const named = Object.assign(new Error('no key'), { name: 'AI_LoadAPIKeyError' })
  expect(modelFailure(named, MODEL, 0)).toMatchObject({ code: 'model-failed' })
})
