<?php

declare(strict_types=1);

namespace App;

/** The app's resources, each defined in a file of its own. */
final class Schema
{
    /** @var list<string> */
    public readonly array $names;

    public function __construct(private readonly string $directory)
    {
        $this->names = require $directory . '/resources.php';
    }

    public function find(string $name): ?Resource
    {
        return in_array($name, $this->names, true) ? require "$this->directory/resources/$name.php" : null;
    }
}
