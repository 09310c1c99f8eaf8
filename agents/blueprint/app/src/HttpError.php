<?php

declare(strict_types=1);

namespace App;

use RuntimeException;

/** An answer other than success. */
final class HttpError extends RuntimeException
{
    /**
     * @param array<string, list<string>> $errors  what is wrong, by field
     * @param array<string, string>       $headers
     */
    public function __construct(
        public readonly int $status,
        string $message,
        public readonly array $errors = [],
        public readonly array $headers = [],
    ) {
        parent::__construct($message);
    }

    public static function notFound(Messages $messages): self
    {
        return new self(404, $messages->get('not_found'));
    }

    public static function method(Messages $messages, string $allowed): self
    {
        return new self(405, $messages->get('wrong_method'), [], ['Allow' => $allowed]);
    }

    /** @param array<string, list<string>> $errors */
    public static function invalid(Messages $messages, array $errors): self
    {
        return new self(422, $messages->get('invalid'), $errors);
    }

    /** @return array<string, mixed> */
    public function body(): array
    {
        $message = $this->status === 422 ? [] : ['error' => $this->getMessage()];

        // Fields called 0, 1 ... would make a list of it.
        $errors = array_is_list($this->errors) ? (object) $this->errors : $this->errors;

        return $message + ($this->errors === [] ? [] : ['errors' => $errors]);
    }
}
