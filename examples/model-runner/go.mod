module example.org/model-runner

go 1.19
