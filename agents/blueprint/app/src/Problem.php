<?php

declare(strict_types=1);

namespace App;

/** Why a value was refused. */
final class Problem
{
    public function __construct(public readonly string $message)
    {
    }
}
