<?php

declare(strict_types=1);

namespace App;

/** Every sentence that people read, in the app's language. */
final class Messages
{
    /** @param array<string, string> $texts */
    public function __construct(private readonly array $texts)
    {
    }

    public function get(string $key, string|int ...$values): string
    {
        return sprintf($this->texts[$key], ...$values);
    }
}
