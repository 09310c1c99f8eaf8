<?php

declare(strict_types=1);

namespace App;

/** What a client sent. */
final class Request
{
    /**
     * @param array<string, mixed>  $query
     * @param array<string, mixed>  $form
     * @param array<string, string> $cookies
     */
    public function __construct(
        public readonly string $method,
        public readonly string $path,
        public readonly array $query,
        public readonly array $form,
        public readonly array $cookies,
        public readonly string $contentType,
        public readonly string $fetchSite,
        public readonly bool $secure,
        public readonly string $body,
    ) {
    }

    public static function fromGlobals(): self
    {
        $target = (string) ($_SERVER['REQUEST_URI'] ?? '/');

        return new self(
            (string) ($_SERVER['REQUEST_METHOD'] ?? 'GET'),
            explode('?', $target, 2)[0],
            self::named($_GET),
            self::named($_POST),
            array_filter($_COOKIE, is_string(...)),
            strtolower(trim(explode(';', (string) ($_SERVER['CONTENT_TYPE'] ?? ''), 2)[0])),
            (string) ($_SERVER['HTTP_SEC_FETCH_SITE'] ?? ''),
            ($_SERVER['HTTPS'] ?? '') !== '' && $_SERVER['HTTPS'] !== 'off',
            (string) file_get_contents('php://input'),
        );
    }

    /**
     * The JSON object in the body.
     *
     * @return array<array-key, mixed>
     */
    public function json(Messages $messages): array
    {
        if ($this->contentType !== 'application/json') {
            throw new HttpError(415, $messages->get('send_json'));
        }
        // Integers beyond 64 bits become floats, which no field takes.
        $value = json_decode($this->body, true);
        if (json_last_error() !== JSON_ERROR_NONE) {
            throw new HttpError(400, $messages->get('bad_json'));
        }
        if (!is_array($value) || !str_starts_with(ltrim($this->body), '{')) {
            throw HttpError::invalid($messages, ['_' => [$messages->get('not_an_object')]]);
        }

        return $value;
    }

    /**
     * PHP turns names of digits into integers; here all of them are text.
     *
     * @param array<array-key, mixed> $values
     *
     * @return array<string, mixed>
     */
    private static function named(array $values): array
    {
        return array_filter($values, is_string(...), ARRAY_FILTER_USE_KEY);
    }
}
